package broker

import "time"

// SetForBenchmark replaces what is around a broker whose name cache is warm.
func (b *Broker) SetForBenchmark(c Credentials, a Audit) { b.cfg.Credentials, b.cfg.Audit = c, a }

// SetIdle says how long a file may wait.
func (b *Broker) SetIdle(d time.Duration) { b.idle = d }
