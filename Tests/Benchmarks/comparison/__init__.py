"""The comparison: servers, scenarios, the runs of each on the other, and the table they give."""
