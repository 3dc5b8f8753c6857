# The same without any way to catch it.
# expect: failed exit status 0
import os

os._exit(0)
