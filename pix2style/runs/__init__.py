"""Run folders: their layout, and the generator that is in one."""
