"""What LLDB calls at a breakpoint: it looks for callbacks in modules that its own interpreter imported."""

hits = 0


def on_hit(frame, location, internals):
    global hits
    hits += 1
    return False
