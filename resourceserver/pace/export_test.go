package pace

// Stop ends what the caches run, so that a bubble of time can end.
func (p *Pacer) Stop() {
	p.lanes.StopAllGoroutines()
	p.gates.StopAllGoroutines()
	p.loads.StopAllGoroutines()
}
