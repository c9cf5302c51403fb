"""One module per revision, named by its number. A released one is never changed."""
