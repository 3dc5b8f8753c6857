# Ends well before any test can run.
# expect: failed exit status 0
import sys

sys.exit(0)
