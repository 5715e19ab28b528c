"""A network under construction: its layers (what is executed) and its graph (what the GHN reads), side by side."""


LAYER_NORM_EPSILON = 1e-6


class NetworkBuilder:
    """Every method appends layers behind the last one and returns the name of the output.

    Layers are {"name", "type", "inputs", …} with the names of PyTorch's modules and of their arguments, as the service
    takes them. Nodes and edges are those of its graphs: layers without an operation of their own join their input to
    their output.
    """

    def __init__(self, channels, size):
        self.layers, self.nodes, self.edges = [], [{"id": "input", "op": "input"}], []
        self.last, self.channels, self.size = "input", channels, size
        self._node_of = {"input": "input"}
        self._shape_of = {"input": (channels, size)}
        self._counts = {}

    def branch(self, name):
        """Continues behind an earlier output."""
        self.last = name
        self.channels, self.size = self._shape_of[name]
        return name

    def _name(self, stem):
        self._counts[stem] = self._counts.get(stem, 0) + 1
        return f"{stem}{self._counts[stem]}"

    def _layer(self, name, type_, inputs=None, **arguments):
        self.layers.append({"name": name, "type": type_, "inputs": inputs or [self.last], **arguments})
        self.last = name
        self._shape_of[name] = (self.channels, self.size)
        return name

    def _node(self, node, sources):
        self.nodes.append(node)
        self.edges += [[source, node["id"]] for source in dict.fromkeys(sources)]
        return node["id"]

    def _weight(self, id_, op, shape, source, bias, weight=None, bias_name=None, classifier=False):
        """A weight's node and, behind it, its bias's."""
        mark = {"classifier": True} if classifier else {}
        tensor = {"name": weight or f"{id_}.weight", "shape": shape}
        node = self._node({"id": id_, "op": op, "weight": tensor, **mark}, [source] if source else [])
        if bias:
            name = bias_name or f"{id_}.bias"
            tensor = {"name": name, "shape": shape[:1]}
            node = self._node({"id": name, "op": "bias", "bias": tensor, **mark}, [node])
        return node

    def _pass(self, type_, stem, **arguments):
        node = self._node_of[self.last]
        name = self._layer(self._name(stem), type_, **arguments)
        self._node_of[name] = node
        return name

    def conv(self, channels, kernel, stride=1, groups=1, bias=False, padding=None):
        source, inputs = self._node_of[self.last], self.channels
        padding = kernel // 2 if padding is None else padding
        self.size = (self.size + 2 * padding - kernel) // stride + 1
        self.channels = channels
        name = self._layer(
            self._name("conv"),
            "Conv2d",
            in_channels=inputs,
            out_channels=channels,
            kernel_size=kernel,
            stride=stride,
            padding=padding,
            groups=groups,
            bias=bias,
        )
        op = "conv" if groups == 1 else "sep_conv"
        shape = [channels, inputs // groups, kernel, kernel]
        self._node_of[name] = self._weight(name, op, shape, source, bias)
        return name

    def linear(self, features, classifier=False):
        source, inputs = self._node_of[self.last], self.channels
        self.channels = features
        name = self._name("fc")
        self._layer(name, "Linear", in_features=inputs, out_features=features)
        self._node_of[name] = self._weight(name, "conv", [features, inputs], source, True, classifier=classifier)
        return name

    def norm(self, type_):
        """BatchNorm2d, LayerNorm2d (over the channels of a map) or LayerNorm (over the last dimension)."""
        source, op = self._node_of[self.last], "bn" if type_ == "BatchNorm2d" else "ln"
        size = "num_features" if op == "bn" else "normalized_shape"
        epsilon = {} if op == "bn" else {"eps": LAYER_NORM_EPSILON}
        name = self._layer(self._name(op), type_, **{size: self.channels}, **epsilon)
        tensors = {role: {"name": f"{name}.{role}", "shape": [self.channels]} for role in ("weight", "bias")}
        self._node_of[name] = self._node({"id": name, "op": op, **tensors}, [source])
        return name

    def activation(self, type_):
        return self._pass(type_, type_.lower())

    def pool(self, type_, kernel=2, stride=2, padding=0):
        source, op = self._node_of[self.last], "max_pool" if type_ == "MaxPool2d" else "avg_pool"
        self.size = (self.size + 2 * padding - kernel) // stride + 1
        name = self._layer(self._name("pool"), type_, kernel_size=kernel, stride=stride, padding=padding)
        self._node_of[name] = self._node({"id": name, "op": op, "kernel": [kernel, kernel]}, [source])
        return name

    def global_pool(self):
        """A map [B, C, h, w] to its means [B, C]."""
        self._global_average("AdaptiveAvgPool2d")
        return self._pass("Flatten", "flatten", start_dim=1)

    def mean_token(self):
        """Tokens [B, L, E] to their mean [B, E]."""
        return self._global_average("Mean", dim=1)

    def _global_average(self, type_, **arguments):
        source = self._node_of[self.last]
        self.size = 1
        name = self._layer(self._name("gap"), type_, **arguments)
        self._node_of[name] = self._node({"id": f"{name}.glob_avg", "op": "glob_avg"}, [source])
        return name

    def add(self, *inputs):
        return self._join("Add", "sum", inputs)

    def concat(self, *inputs):
        channels = sum(self._shape_of[name][0] for name in inputs)
        return self._join("Concat", "concat", inputs, channels)

    def _join(self, type_, op, inputs, channels=None):
        self.branch(inputs[0])
        self.channels = channels or self.channels
        name = self._layer(self._name(type_.lower()), type_, list(inputs))
        self._node_of[name] = self._node({"id": name, "op": op}, [self._node_of[i] for i in inputs])
        return name

    def squeeze_excitation(self, channels):
        """Pool, 1×1 convolution, ReLU, 1×1 convolution, sigmoid, product."""
        source, name = self._node_of[self.last], self._name("se")
        self._layer(name, "SqueezeExcitation", input_channels=self.channels, squeeze_channels=channels)
        squeezed = self._weight(f"{name}.fc1", "conv", [channels, self.channels, 1, 1], source, True)
        gate = self._weight(f"{name}.fc2", "conv", [self.channels, channels, 1, 1], squeezed, True)
        self._node_of[name] = self._node({"id": f"{name}.cse", "op": "cse"}, [source, gate])
        return name

    def tokens(self):
        """A map [B, E, h, w] as tokens [B, h·w, E]."""
        self._pass("Flatten", "flatten", start_dim=2)
        return self._pass("Permute", "permute", dims=[0, 2, 1])

    def position_embedding(self):
        source, name = self._node_of[self.last], self._name("position")
        shape = [1, self.size * self.size, self.channels]
        self._layer(name, "PositionEmbedding", shape=shape)
        position = self._weight(name, "pos_enc", shape, None, False, weight=name)
        self._node_of[name] = self._node({"id": f"{name}.sum", "op": "sum"}, [source, position])
        return name

    def attention(self, heads):
        source, name, width = self._node_of[self.last], self._name("attn"), self.channels
        self._layer(name, "MultiheadAttention", embed_dim=width, num_heads=heads)
        in_weight, in_bias = f"{name}.in_proj_weight", f"{name}.in_proj_bias"
        projected = self._weight(in_weight, "conv", [3 * width, width], source, True, in_weight, in_bias)
        mixed = self._node({"id": f"{name}.msa", "op": "msa"}, [projected])
        self._node_of[name] = self._weight(f"{name}.out_proj", "conv", [width, width], mixed, True)
        return name

    def graph(self):
        """The service's JSON graph."""
        return {"nodes": self.nodes, "edges": self.edges}
