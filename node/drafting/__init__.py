"""From a centre's CSV file to a first dictionary, in which nothing that patients decided is in force."""
