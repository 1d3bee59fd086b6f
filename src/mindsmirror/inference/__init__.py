"""How a trained student is used: it answers, thinks, votes, and looks into the mirror."""
