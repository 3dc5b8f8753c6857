# Prints for ever.
# expect: killed output
def attempt():
    while True:
        print("x" * 10000)
