// Package recognise finds the reference architecture nearest to a cluster, with a distance and what is missing, extra or
// misplaced. It is pure; assess calls it.
//
// The distance to an architecture is a weighted mean of shortfalls, each in [0,1], over the parts and signs the architecture
// lists and the parts the cluster has beyond them; the weights are in the catalogue.
//
//   - A part falls short by the share of its required instances that are missing, plus a share for each instance that stands
//     where it should not (a required placement counts half an instance, an advised one two fifths, never more than three
//     quarters together), plus up to a half for instances beyond the maximum, plus a quarter for an even count where an odd
//     one is asked for, plus a half for redundancy that is missing.
//   - A part that the architecture does not have at all falls short entirely.
//   - A sign (clustered mode, production, packed machines) falls short or not; what is not known does not.
//
// A relation to a part that is missing counts as violated, so that removing a required part never lowers the distance.
package recognise
