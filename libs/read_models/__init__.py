"""Tables that events alone keep: declared, brought up to date, read by id and by the page."""
