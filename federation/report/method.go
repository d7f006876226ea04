package report

import "fmt"

// methodology says how the report was made, so that it can be read without its makers.
func methodology(in Input) []Paragraph {
	rulesOf := "as each site was judged at the time, under the rules in force then"
	if in.RulesOf == "now" {
		rulesOf = "judged again under the present rules, from the inventories of that time"
	}
	filter := "No filter was applied."
	if in.Filter != "" {
		filter = fmt.Sprintf("The report is restricted by the filter %q; what it leaves out is in no number.", in.Filter)
	}
	return []Paragraph{
		{"Instant", fmt.Sprintf("Every statement holds for %s: the latest assessment of each site at or before that instant, %s. %s", instantText(in.At), rulesOf, filter)},
		{"Compliance", fmt.Sprintf("A cluster is non-compliant when a finding of severity %s or worse fails without a waiver in force. It is unknown when no such "+
			"finding fails, but a rule of that severity could not be judged because facts are missing, or the site's observation is older than %s. It is waived when "+
			"only findings under a waiver in force stand against it, and compliant otherwise. A site is as good as the worst of its clusters and of the findings "+
			"about the site itself. Findings of lower severity are listed and counted, but do not decide.", in.Threshold, ageText(in.FreshFor))},
		{"Shared parts", "A finding about an infrastructure counts for each cluster of the site that is known to use it, and for all clusters of the site when its " +
			"users are not known. In the totals it counts once."},
		{"Unknown", "Unknown is never counted as passing. A site that belongs to the report and has no assessment is listed as unknown."},
		{"Waivers", "A waiver covers one failing finding for a limited time. It is in force while the instant of the report is before its expiry. What is waived is still judged and listed."},
		{"Confidence", "Official: the rule rests on a statement of PTC or Microsoft, given as its reference. Inferred: it is a conclusion of the makers of the rule pack. " +
			"Policy: it is a requirement of the owner. User: it is a rule the owner added."},
		{"Architectures", "Recognised is the reference architecture a cluster comes nearest to; the distance is 0 for a perfect instance and 1 for nothing in common. " +
			"Recommended is the architecture that meets the stated workload and objectives."},
		{"Regions", "ThingWorx and its database should be in one region. The round trip is the 95th percentile: measured by the site itself, or published by the provider " +
			"for the pair of regions. Distances are great circles between the regions' published places."},
		{"Availability", "Availability is computed exactly from the inventory: machines, zones and regions fail independently of each other with the chances of the policy, " +
			"and whatever shares one of them fails together. It leaves out software faults, human error, overload and planned maintenance, so it is an upper bound " +
			"for comparison and not a promise."},
		{"Repeatability", "The content hash is the SHA-256 of the report's JSON with an empty hash. The same instant, data, rules and options give the same hash in every format."},
	}
}
