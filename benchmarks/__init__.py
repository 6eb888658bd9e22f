"""What we measure, against whom. Each module here is a benchmark of its own, run by script/bench."""
