"""How a stage is learnt: the plan of batches, the objectives, and the loop."""
