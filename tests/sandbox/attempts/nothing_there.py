# Lacks the function.
# expect: failed NameError
def another():
    return "refused"
