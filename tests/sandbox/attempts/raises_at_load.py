# Raises while it loads.
# expect: error ZeroDivisionError
1 / 0
