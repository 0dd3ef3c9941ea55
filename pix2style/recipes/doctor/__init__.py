"""Describe this machine and installation: versions, GPU, extras, caches, disk, networks, and what is wrong."""

from pix2style.recipes.doctor.report import DoctorReport, examine

__all__ = ["DoctorReport", "examine"]
