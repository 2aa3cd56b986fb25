"""Tests of all rooms. They see everything and do not travel in the wheel."""
