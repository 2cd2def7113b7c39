/**
 * @generated SignedSource<<66a139f94979af49c9023ff325f104d0>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type OrderState = "CANCELLED" | "CONFIRMED" | "FAILED" | "PLACED" | "QUARANTINED" | "REFUSED" | "RESERVED" | "%future added value";
export type PlaceOrderInput = {
  dueDay: any;
  earliestDay: any;
  idempotencyKey?: string | null | undefined;
  lines: ReadonlyArray<LineInput>;
};
export type LineInput = {
  productId: string;
  quantity: number;
  sku: string;
};
export type shopPlaceOrderMutation$variables = {
  input: PlaceOrderInput;
};
export type shopPlaceOrderMutation$data = {
  readonly placeOrder: {
    readonly __typename: string;
    readonly after?: string;
    readonly code?: string;
    readonly fields?: ReadonlyArray<{
      readonly message: string;
      readonly path: string;
    }>;
    readonly message?: string;
    readonly order?: {
      readonly dueDay: any;
      readonly id: string;
      readonly state: OrderState;
    };
  };
};
export type shopPlaceOrderMutation = {
  response: shopPlaceOrderMutation$data;
  variables: shopPlaceOrderMutation$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "input"
  }
],
v1 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "message",
  "storageKey": null
},
v2 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "input",
        "variableName": "input"
      }
    ],
    "concreteType": null,
    "kind": "LinkedField",
    "name": "placeOrder",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "__typename",
        "storageKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "concreteType": "Order",
            "kind": "LinkedField",
            "name": "order",
            "plural": false,
            "selections": [
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "id",
                "storageKey": null
              },
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "state",
                "storageKey": null
              },
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "dueDay",
                "storageKey": null
              }
            ],
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "after",
            "storageKey": null
          }
        ],
        "type": "PlaceOrderSuccess",
        "abstractKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "code",
            "storageKey": null
          },
          (v1/*:: as any*/)
        ],
        "type": "Failure",
        "abstractKey": "__isFailure"
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "concreteType": "FieldProblem",
            "kind": "LinkedField",
            "name": "fields",
            "plural": true,
            "selections": [
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "path",
                "storageKey": null
              },
              (v1/*:: as any*/)
            ],
            "storageKey": null
          }
        ],
        "type": "InvalidInput",
        "abstractKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "shopPlaceOrderMutation",
    "selections": (v2/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "shopPlaceOrderMutation",
    "selections": (v2/*:: as any*/)
  },
  "params": {
    "cacheID": "e5677e7dfe2c05aa70b29832a37e0191",
    "id": null,
    "metadata": {},
    "name": "shopPlaceOrderMutation",
    "operationKind": "mutation",
    "text": "mutation shopPlaceOrderMutation(\n  $input: PlaceOrderInput!\n) {\n  placeOrder(input: $input) {\n    __typename\n    ... on PlaceOrderSuccess {\n      order {\n        id\n        state\n        dueDay\n      }\n      after\n    }\n    ... on Failure {\n      __isFailure: __typename\n      code\n      message\n    }\n    ... on InvalidInput {\n      fields {\n        path\n        message\n      }\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "a7d597fcedbe649db89cdd497b55f580";

export default node;
