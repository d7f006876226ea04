package recommend

// Size is how many bytes the lists take.
func (p *Packed) Size() int { return len(p.lists) }
