module menagerie.dev/container-shim

go 1.24
