package sitesim

// place is a city with the cloud region that its plants use.
type place struct {
	code, city, country string
	region              string // of Azure
	zones               bool   // the region has availability zones
	near, far           string // regions of Azure in the same geography and in another one
}

// places lists cities. Regions, zones and geographies are Microsoft's (List of Azure regions, August 2026); which city uses which is made up.
func places() []place {
	return []place{
		{"muc", "Munich", "DE", "germanywestcentral", true, "westeurope", "eastus"},
		{"ber", "Berlin", "DE", "westeurope", true, "northeurope", "centralus"},
		{"ham", "Hamburg", "DE", "westeurope", true, "germanywestcentral", "eastus2"},
		{"lyo", "Lyon", "FR", "francecentral", true, "westeurope", "canadacentral"},
		{"trn", "Turin", "IT", "westeurope", true, "francecentral", "eastus"},
		{"got", "Gothenburg", "SE", "northeurope", true, "westeurope", "eastus"},
		{"bhx", "Birmingham", "GB", "uksouth", true, "northeurope", "eastus"},
		{"crd", "Cardiff", "GB", "ukwest", false, "uksouth", "eastus"},
		{"det", "Detroit", "US", "northcentralus", false, "eastus", "westeurope"},
		{"chi", "Chicago", "US", "centralus", true, "eastus2", "northeurope"},
		{"atl", "Atlanta", "US", "eastus", true, "centralus", "westeurope"},
		{"hou", "Houston", "US", "southcentralus", true, "centralus", "brazilsouth"},
		{"sao", "Sao Paulo", "BR", "brazilsouth", true, "brazilsouth", "eastus"},
		{"sin", "Singapore", "SG", "southeastasia", true, "eastasia", "westeurope"},
		{"nag", "Nagoya", "JP", "japaneast", true, "japanwest", "westus"},
		{"pun", "Pune", "IN", "centralindia", true, "southindia", "westeurope"},
		{"mel", "Melbourne", "AU", "australiasoutheast", false, "australiaeast", "southeastasia"},
	}
}
