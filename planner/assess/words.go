package assess

// Words replaces texts that assessments of different sites have in common, those of rules, sizes and assumptions, by what word gives for them: a reader
// of many assessments keeps one copy of each, and no more room for its lists than they take. word must give an equal text. The assessment must not be
// shared yet.
func Words(a *Assessment, word func(string) string) {
	texts := func(list []string) {
		for i := range list {
			list[i] = word(list[i])
		}
	}
	a.APIVersion, a.Kind = word(a.APIVersion), word(a.Kind)
	a.RulePack.Version, a.RulePack.Hash = word(a.RulePack.Version), word(a.RulePack.Hash)
	a.Policy.Name, a.Policy.Version, a.Policy.Hash = word(a.Policy.Name), word(a.Policy.Version), word(a.Policy.Hash)
	a.Passed, a.Clusters, a.Findings, a.Tenancy = fit(a.Passed), fit(a.Clusters), fit(a.Findings), fit(a.Tenancy)
	for i := range a.Passed {
		p := &a.Passed[i]
		p.Pass, p.NotApplicable = word(p.Pass), word(p.NotApplicable)
	}
	for i := range a.Clusters {
		c := &a.Clusters[i]
		common(word, &c.Cluster)
		common(word, &c.Environment)
		r := &c.Recognised
		common(word, &r.Architecture)
		common(word, &r.Name)
		r.Missing, r.Extra, r.Misplaced = fit(r.Missing), fit(r.Extra), fit(r.Misplaced)
		texts(r.Overlays)
		for k := range r.Missing {
			common(word, &r.Missing[k].Kind)
			common(word, &r.Missing[k].Why)
		}
		for k := range r.Extra {
			common(word, &r.Extra[k].Kind)
			common(word, &r.Extra[k].Why)
		}
		for k := range r.Misplaced {
			common(word, &r.Misplaced[k].Kind)
		}
		texts(c.Regions.ThingWorx)
		common(word, &c.Regions.Database)
		z := &c.Sizing
		common(word, &z.Size)
		common(word, &z.DecidedBy)
		common(word, &z.Foundation.SKU)
		common(word, &z.Database.SKU)
		texts(z.Assumptions)
		common(word, &z.Sizes.Things)
		common(word, &z.Sizes.WPS)
		common(word, &z.Sizes.Requests)
		common(word, &z.Pack)
		if z.Timeseries != nil {
			common(word, &z.Timeseries.SKU)
		}
		c.Availability.Contributions = fit(c.Availability.Contributions)
		for k := range c.Availability.Contributions {
			common(word, &c.Availability.Contributions[k].Part)
		}
		texts(c.Availability.Assumptions)
		common(word, &c.Recommendation.Architecture)
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		common(word, &f.Rule)
		common(word, &f.Title)
		common(word, &f.Verdict)
		common(word, &f.Severity)
		common(word, &f.Confidence)
		common(word, &f.Subject.Cluster)
		common(word, &f.Subject.Infrastructure)
		common(word, &f.Subject.Node)
		common(word, &f.Remedy)
		common(word, &f.Reference)
	}
	// The site names itself in every part.
	for i := range a.Inventories {
		site := a.Inventories[i].Site
		for k := range a.Clusters {
			if c := &a.Clusters[k]; c.Site == site {
				c.Site = site
			}
		}
		for k := range a.Findings {
			if s := &a.Findings[k].Subject; s.Site == site {
				s.Site = site
			}
		}
	}
}

// fit is the list without room to grow, which a decoder leaves.
func fit[T any](list []T) []T {
	if len(list) == cap(list) {
		return list
	}
	return append(make([]T, 0, len(list)), list...)
}

func common[T ~string](word func(string) string, text *T) { *text = T(word(string(*text))) }
