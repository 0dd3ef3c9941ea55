"""Work that joins several stages, as plain functions: quickstart, distill and evaluate."""
