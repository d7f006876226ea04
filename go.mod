module github.com/meridian-federation/meridian

go 1.26.0
