"""What every other package rests on: errors, sections of settings, words."""
