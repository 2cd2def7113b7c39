"""All that is not business: what every service stands on."""
