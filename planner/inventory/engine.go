package inventory

// Engine is a database product.
type Engine string

// Engines.
const (
	EnginePostgreSQL              Engine = "postgresql"
	EngineAzurePostgreSQLFlexible Engine = "azure-postgresql-flexible"
	EngineSQLServer               Engine = "sqlserver"
	EngineAzureSQL                Engine = "azure-sql"
	EngineH2                      Engine = "h2"
)

// Title is the product's name in sentences.
func (e Engine) Title() string {
	switch e {
	case EnginePostgreSQL:
		return "PostgreSQL"
	case EngineAzurePostgreSQLFlexible:
		return "Azure Database for PostgreSQL Flexible Server"
	case EngineSQLServer:
		return "Microsoft SQL Server"
	case EngineAzureSQL:
		return "Azure SQL"
	case EngineH2:
		return "H2"
	}
	return string(e)
}

// SameFamily reports whether two engines are one product run in different ways: a database moves between them by dump and
// restore. Between families model and data have to be exported from one and imported into the other.
func (e Engine) SameFamily(o Engine) bool { return e == o || e.family() == o.family() }

func (e Engine) family() Engine {
	switch e {
	case EngineAzurePostgreSQLFlexible:
		return EnginePostgreSQL
	case EngineAzureSQL:
		return EngineSQLServer
	}
	return e
}

// Managed reports whether the provider runs the engine, so that it has no nodes of its own in an inventory.
func (e Engine) Managed() bool { return e == EngineAzurePostgreSQLFlexible || e == EngineAzureSQL }
