"""A local SMS panel: the whole gateway API with a store of its own, and faults on request.

`server.create_app(store)` is the application, `server.serving(app)` puts it on a socket, and
`store.PanelStore` is the same panel for a caller in this process. It shares nothing with the client
in `adapters`: it was written from the API's page, so that each checks the other.
"""
