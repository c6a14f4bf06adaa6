"""Arrays in, arrays out: numerical parts that know neither patients nor files."""
