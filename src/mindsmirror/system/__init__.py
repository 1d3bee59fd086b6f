"""The machine below: files, documents and their bounds, progress and terminals, processes, threads, hardware."""
