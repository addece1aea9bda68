"""The page's server: it listens on this machine alone, wants its token, and answers integers."""
