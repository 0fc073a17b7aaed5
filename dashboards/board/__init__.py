"""The live board: what officials look at, served by the API's own process."""
