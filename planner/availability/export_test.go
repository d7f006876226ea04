package availability

// Together asks for both clusters in one question, whatever they share.
func (s *System) Together(a, b int32) (float64, bool) { return newJoiner(s).together(a, b) }
