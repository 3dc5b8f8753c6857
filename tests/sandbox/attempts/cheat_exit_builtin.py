# The same by what module site adds.
# expect: failed exit status 0
exit(0)
