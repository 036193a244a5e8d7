"""One small function per URL: fetch for this reader, one call to the domain, answer."""
