"""Everything that runs the models: load a pair, record, profile, train. The only user of torch."""
