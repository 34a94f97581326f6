package broker

// SetForBenchmark replaces what is around a broker whose name cache is warm.
func (b *Broker) SetForBenchmark(c Credentials, a Audit) { b.cfg.Credentials, b.cfg.Audit = c, a }
