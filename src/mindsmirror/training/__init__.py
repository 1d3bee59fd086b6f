"""Training of a stage: the plan of batches, the objectives, and the loop."""
