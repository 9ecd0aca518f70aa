"""What is heard: curves of loudness, onsets and beats, from sound files or tables."""
