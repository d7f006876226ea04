package azure

import (
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// maxInstances is Azure's limit on the instances of one scale set.
const maxInstances = 1000

// machine reads a virtual machine or an instance of a scale set.
func (rec *record) machine(res *importer.Resource) {
	m := &importer.Machine{SKU: importer.Token(rec.prop("hardwareProfile", "vmSize").Text())}
	if m.SKU == "" {
		m.SKU = importer.Token(rec.v.Get("sku", "name").Text())
	}
	if s, ok := SizeOf(m.SKU); ok {
		m.CPU, m.MemoryGiB = s.CPU, s.Memory
	}
	if rec.kind == typeInstance {
		m.ScaleSet = rec.id.Parent(1)
	} else {
		m.ScaleSet = reference(rec.prop("virtualMachineScaleSet", "id"))
	}
	nics := rec.prop("networkProfile", "networkInterfaces")
	for i := range nics.Members() {
		if key := reference(nics.Item(i).Get("id")); key != "" {
			m.Interfaces = append(m.Interfaces, key)
		}
	}
	res.Machine = m
}

// scaleSet reads a scale set, whose instances are listed elsewhere or only counted.
func (rec *record) scaleSet(res *importer.Resource) {
	m := &importer.Machine{Set: true, SKU: importer.Token(rec.v.Get("sku", "name").Text())}
	if s, ok := SizeOf(m.SKU); ok {
		m.CPU, m.MemoryGiB = s.CPU, s.Memory
	}
	capacity := rec.v.Get("sku", "capacity")
	if capacity == nil {
		capacity = rec.v.Get("capacity")
	}
	if n, ok := capacity.Float(); ok && n >= 0 && n <= maxInstances {
		m.Count = int(n)
	} else if capacity != nil && capacity.Kind() != tree.Null {
		rec.r.problem(capacity, rec.ptr+"/sku/capacity", "not a number of instances from 0 to 1000", "")
	}
	res.Machine = m
}
