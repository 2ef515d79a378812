"""Statistics over seeds: means, interquartile means and bootstrap intervals."""
