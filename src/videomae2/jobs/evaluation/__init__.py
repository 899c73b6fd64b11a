"""What evaluation is made of: settings, scores, measures, and the report."""
