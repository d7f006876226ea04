package live

import (
	"regexp"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// sourceRule is the provenance of a cluster that a rule of the configuration told.
const sourceRule = "azure-rule"

// rules are the configuration's ways to tell what belongs to ThingWorx, ready for use. They speak by Meridian's own tags,
// which a resource's own tags of that name overrule.
type rules struct {
	tags    map[string]string // names of Meridian's tags to the configuration's in lower case
	belongs []TagRule         // tag names in lower case
	names   []namePattern
}

type namePattern struct {
	NameRule
	match *regexp.Regexp
}

func newRules(c Config) (rules, error) {
	r := rules{tags: map[string]string{}}
	for name, key := range c.Tags {
		r.tags[name] = strings.ToLower(key)
	}
	for _, b := range c.Belongs {
		r.belongs = append(r.belongs, TagRule{strings.ToLower(b.Tag), b.Value})
	}
	for _, n := range c.Names {
		match, err := regexp.Compile("(?i)" + n.Pattern)
		if err != nil {
			return rules{}, err
		}
		r.names = append(r.names, namePattern{n, match})
	}
	return r, nil
}

// maxTagValue bounds what is read of a tag.
const maxTagValue = 256

// wanted keeps of a resource's tags those that a rule reads.
func (r *rules) wanted(tags map[string]any) map[string]string {
	var out map[string]string
	for key, v := range tags {
		key = strings.ToLower(key)
		value, ok := v.(string)
		if !ok || len(value) > maxTagValue || !r.reads(key) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value
	}
	return out
}

func (r *rules) reads(key string) bool {
	for _, other := range r.tags {
		if other == key {
			return true
		}
	}
	for _, b := range r.belongs {
		if b.Tag == key {
			return true
		}
	}
	return false
}

// apply writes what the rules tell into the resource's tags. It reports false when patterns contradict each other.
func (r *rules) apply(res *importer.Resource, own map[string]string) bool {
	set := func(name, value string) bool {
		if value == "" || res.Tag(name) != "" {
			return false
		}
		if res.Tags == nil {
			res.Tags = map[string]string{}
		}
		res.Tags["meridian:"+name] = value
		return true
	}
	for name, key := range r.tags {
		set(name, own[key])
	}
	for _, b := range r.belongs {
		if value, ok := own[b.Tag]; ok && (b.Value == "" || strings.EqualFold(b.Value, value)) {
			set("application", "thingworx")
		}
	}
	var found NameRule
	agree := true
	merge := func(to *string, from string) {
		if from != "" && *to != "" && *to != from {
			agree = false
		}
		if *to == "" {
			*to = from
		}
	}
	for i := range r.names {
		n := &r.names[i]
		if !n.match.MatchString(res.Name) {
			continue
		}
		set("application", "thingworx")
		merge(&found.Component, n.Component)
		merge(&found.Cluster, n.Cluster)
		merge(&found.Environment, n.Environment)
	}
	if !agree {
		return false
	}
	set("component", found.Component)
	set("environment", found.Environment)
	if set("cluster", found.Cluster) {
		res.TagsFrom = sourceRule
	}
	return true
}
