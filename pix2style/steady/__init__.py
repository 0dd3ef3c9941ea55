"""Keep strokes in place from frame to frame: follow the motion of a scene, and stylize each frame on its grid."""
