"""Statistics over seeds: means, interquartile means, bootstrap intervals and comparisons of algorithms."""
