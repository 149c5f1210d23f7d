"""One forward and one backward, as training does them: what every parameter gets, and where gradients go wrong.

answering answers the request; objective chooses what is propagated; passing is the one pass; origins says which call
made a node of the graph, flow what reaches each layer. Only when something is wrong there is a second pass, which looks
closely: saved at the tensors that backward needs, births at the values between its operations.
"""
