"""A camera or clip, stylized while it plays: in a window, in a recording, and as a camera for other programs."""
