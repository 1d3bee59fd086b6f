"""The machine, for all rooms: files, documents and their bounds, progress, processes, threads, hardware."""
