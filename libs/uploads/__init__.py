"""Files that whoever has their signed address may send: see README.md."""
