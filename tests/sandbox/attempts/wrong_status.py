# Ends with a status of its own.
# expect: failed exit status 3
import sys

sys.exit(3)
